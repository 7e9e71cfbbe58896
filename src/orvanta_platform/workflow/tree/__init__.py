"""Items of a workspace as files: the tree that `orvanta pull` writes and `orvanta push` reads."""
