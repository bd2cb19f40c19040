"""Small parts that the panels share: tags, glyphs, strips, buttons, the panel frame, toasts, the palette."""
