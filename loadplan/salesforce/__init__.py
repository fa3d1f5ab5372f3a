"""The org, seen from here: authentication and Bulk API 2.0 over HTTP. Decides nothing about a run."""
