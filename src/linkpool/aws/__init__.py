"""A pool on AWS: one CloudFormation template, change sets shown before they run, and what it costs."""
