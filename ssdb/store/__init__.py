"""Everything that talks to a database: connections, transactions, bulk transfer, migrations, views, SQL files."""
