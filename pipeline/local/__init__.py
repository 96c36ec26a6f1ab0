"""One machine: the embedded broker, the supervisor, the demo."""
