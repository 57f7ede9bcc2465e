"""Great Expectations' expectations in Ballast's gates, and Ballast's in its suites."""
