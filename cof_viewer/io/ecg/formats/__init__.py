"""Readers of ECG formats, one file each; `registry` finds them by being here."""
