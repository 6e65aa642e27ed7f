"""Pictures that people pass on: a QR code with the words that go with it."""
