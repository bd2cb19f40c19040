"""Values and their rules. numpy only: no files, no torch, no Qt."""
