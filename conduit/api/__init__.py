"""The API server: OpenAI's protocol in front of the router, and Conduit's own routes."""
