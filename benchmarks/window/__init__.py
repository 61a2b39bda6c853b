"""What the benchmarks of the window share: a slide large enough, and a clock in its event loop."""
