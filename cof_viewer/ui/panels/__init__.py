"""One file a panel; panels read the session, send commands, and know no other panel."""
