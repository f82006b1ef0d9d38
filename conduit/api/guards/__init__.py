"""What a request passes before it reaches a route: small ASGI middlewares that buffer nothing twice."""
