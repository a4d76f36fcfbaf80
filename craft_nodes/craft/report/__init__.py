"""`craft report`: one self-contained HTML page that shows what fine-tuning changed."""
