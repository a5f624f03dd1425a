"""What a step reads of the tree below it: observed, kept, and compared with another tree."""
