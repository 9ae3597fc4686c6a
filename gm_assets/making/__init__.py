"""Making files that remember: from a plan and files to passes and frames."""
