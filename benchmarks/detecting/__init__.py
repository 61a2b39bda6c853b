"""What the benchmark of detection needs: a free detector, crowds of boxes, and a network beside its bare forward."""
