"""The transformer, its weights on disk and the engine that generates with it."""

from pipeline.model import products
from pipeline.model.config import ModelConfig
from pipeline.model.model_folder import load, save
from pipeline.model.transformer import Transformer

products.require()  # before anything is multiplied

__all__ = ["ModelConfig", "Transformer", "load", "save"]
