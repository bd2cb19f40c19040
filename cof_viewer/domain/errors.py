"""Failures that a user can act on, told apart from bugs."""

from __future__ import annotations


class UserError(Exception):
    """What was given can't be used. The message is one plain sentence: what is wrong, where, what to do.

    The command line prints it and exits with 2; the window shows it in a banner.
    """

    def __init__(self, sentence: str, *, code: str = "input") -> None:
        """Keep the sentence as the message.

        Args:
            sentence: one plain sentence for the user, without names of patients.
            code: a short machine-readable name of the kind of failure.
        """
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code


class Cancelled(Exception):
    """The user cancelled; nothing half-made is kept. The command line exits with 130."""
