"""What goes into a study and comes out of it: one file for every format of other programs."""
