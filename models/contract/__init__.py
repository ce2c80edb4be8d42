"""The parts of a store; `models.store` puts them together, and says what holds of them all."""
