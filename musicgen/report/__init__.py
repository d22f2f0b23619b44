"""Results as tables, curves and pages, read from run folders and studies alone."""
