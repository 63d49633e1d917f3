"""Generated queries, answered by the engine and by DuckDB, and compared row by row.

The way of a query: `generate` makes a structure (`query`), `text` writes it in the report language and `translate` in SQL. The engine's example
`answer_queries` answers the one (`engine`), DuckDB the other (`oracle`), on the same rows (`world`); `compare` holds the answers against each other.
The translation is written from the documents of the language, not from the product's code: it must not share its mistakes.
"""
