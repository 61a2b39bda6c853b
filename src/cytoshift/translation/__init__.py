"""Domain translation: a slide of one laboratory as another laboratory's scanner would show it."""
