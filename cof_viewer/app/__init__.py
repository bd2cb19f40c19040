"""Use cases without a window: the open study, long work, settings, the library. No Qt here."""
