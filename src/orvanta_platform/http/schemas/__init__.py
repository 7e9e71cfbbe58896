"""The wire's shapes, and how the platform's own become them."""
