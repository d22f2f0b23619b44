"""How tests start Chromium."""

FLAGS = [
    "--no-sandbox",  # chromium has none for root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
