"""The analysts' workbench: pages that people work in, on the same service as the API (see README.md beside this)."""
