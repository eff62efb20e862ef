"""What artifacts hold besides files: tables, images, sounds and the like, kept as W&B keeps them."""
