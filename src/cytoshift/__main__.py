"""``python -m cytoshift`` is the program ``cytoshift``; torchrun starts it by this name."""

from cytoshift.cli import main

if __name__ == "__main__":
    main()
