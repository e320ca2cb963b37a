"""How does another program ask for scores over HTTP?"""
