"""Single modules through their public seams."""
