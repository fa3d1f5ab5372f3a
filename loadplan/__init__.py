"""loadplan: runs YAML load plans against Salesforce over Bulk API 2.0."""
