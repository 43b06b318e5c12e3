"""The floors: systems that every other is measured against, and honest defaults in their own right."""
