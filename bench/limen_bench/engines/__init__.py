"""The engines that can be measured: limen itself and what people would use instead, one module for
each library, imported only when its engine is asked for.
"""
