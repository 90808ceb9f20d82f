"""What ``tlsmgm check`` looks at, and what a running manager warns of."""
