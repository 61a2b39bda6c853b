"""What the benchmark of translation needs: a generator, slides that cost nothing, and runs over them."""
