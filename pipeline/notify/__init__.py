"""A notification becomes a request; a reply becomes an outcome; pure."""
