"""Pictures: a module a shape, each drawing what it is given, and what an assessment asks for of them."""
