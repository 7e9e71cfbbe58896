"""Request and response schemas, and the conversion of the platform's own types to them."""
