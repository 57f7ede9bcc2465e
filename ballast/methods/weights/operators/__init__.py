"""What can be done to weights once they are there: each takes tables of weights and gives one."""
