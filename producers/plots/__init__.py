"""Pictures of the physics, drawn from output files."""
