"""What happens when somebody says something; knows no Tornado and no database."""
