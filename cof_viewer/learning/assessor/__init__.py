"""The assessor: a second segmenter that judges beats and shares no patient with whoever made them."""
