"""SQL scripts for PostgreSQL. Apart from `db`, this is the only package that connects to PostgreSQL.

It never connects to the platform's own database.
"""
