"""The embedded org: a local server that speaks Salesforce REST and Bulk API 2.0; it shares no code with the client."""
