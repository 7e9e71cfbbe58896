"""The API server: routes, request and response schemas, authentication, and error responses."""
