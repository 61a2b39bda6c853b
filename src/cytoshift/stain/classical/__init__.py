"""Classical stain methods: fitted to the colours of a slide, applied colour by colour from exact tables."""
