"""What the control plane remembers: tables, migrations, queries."""
