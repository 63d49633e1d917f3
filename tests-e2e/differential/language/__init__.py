"""What a query is and how it is written, by the documents and not by the product: its structure, its texts, its literals and spans, the definitions of datasets."""
