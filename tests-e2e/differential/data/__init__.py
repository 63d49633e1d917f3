"""The rows that queries are asked of: values, the files that hold them, the folders of many tenants."""
