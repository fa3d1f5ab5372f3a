"""What is left for people: renderings of the journal. They can be deleted and made again at any time."""
