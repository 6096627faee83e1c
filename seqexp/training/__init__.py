"""How a population is trained: the LightningModule and its callbacks."""
