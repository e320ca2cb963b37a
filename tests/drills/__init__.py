"""How often does monitoring cry wolf in quiet years, and how soon does it see a change?"""
